{{/* Names, labels, and what pods have in common. */}}

{{- define "conductor.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "conductor.image" -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}

{{/* What selects the server's pods. It never changes in the life of a release. */}}
{{- define "conductor.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end -}}

{{/* What selects the pods of schedules. */}}
{{- define "conductor.scheduleSelector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: schedule
{{- end -}}

{{- define "conductor.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "conductor.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "conductor.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "conductor.dns" -}}
- to:
    - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: {{ .Values.networkPolicy.dns }} } }
  ports:
    - { protocol: UDP, port: 53 }
    - { protocol: TCP, port: 53 }
{{- end -}}

{{/* The Secrets whose keys are files of the server. */}}
{{- define "conductor.secretFiles" -}}
{{- $secrets := .Values.secretFiles -}}
{{- if .Values.tls.secret }}{{ $secrets = append $secrets .Values.tls.secret }}{{ end -}}
{{- if .Values.tokens.secret }}{{ $secrets = append $secrets .Values.tokens.secret }}{{ end -}}
{{- $secrets | uniq | toJson -}}
{{- end -}}

{{/* server.yaml: what the values say, with what the chart knows. */}}
{{- define "conductor.server" -}}
{{- $spec := deepCopy .Values.server -}}
{{- $_ := set $spec "listen" (printf "%s:%d" .Values.address (int .Values.ports.grpc)) -}}
{{- if not .Values.environments }}{{ fail "a server needs an environment: set environments, as docs/environment.md says" }}{{ end -}}
{{- $files := list -}}
{{- range $name := keys .Values.environments | sortAlpha }}{{ $files = append $files (printf "environments/%s.yaml" $name) }}{{ end -}}
{{- $_ := set $spec "environments" $files -}}
{{- if .Values.journal }}{{ $_ := set $spec "journal" "journal.yaml" }}{{ end -}}
{{- if .Values.tls.secret -}}
{{- $folder := printf "/etc/conductor-secrets/%s" .Values.tls.secret -}}
{{- $tls := dict "certificate" (printf "%s/tls.crt" $folder) "key" (printf "%s/tls.key" $folder) -}}
{{- $_ := set $spec "tls" (mergeOverwrite $tls ($spec.tls | default dict)) -}}
{{- end -}}
{{- $access := $spec.access | default dict -}}
{{- if .Values.tokens.secret -}}
{{- $_ := set $access "tokens" (dict "file" (printf "/etc/conductor-secrets/%s/tokens" .Values.tokens.secret)) -}}
{{- end -}}
{{- if not $access }}{{ fail "who may call? set tokens.secret, or server.access as docs/access.md says" }}{{ end -}}
{{- if $access.kubernetes -}}
{{- $_ := set $access "kubernetes" (mergeOverwrite (dict "namespace" .Release.Namespace) $access.kubernetes) -}}
{{- end -}}
{{- $_ := set $spec "access" $access -}}
{{- $telemetry := $spec.telemetry | default dict -}}
{{- $metrics := $telemetry.metrics | default dict -}}
{{- $_ := set $metrics "address" (printf "%s:%d" .Values.address (int .Values.ports.metrics)) -}}
{{- $_ := set $telemetry "metrics" $metrics -}}
{{- $_ := set $spec "telemetry" $telemetry -}}
apiVersion: loadtest-conductor.dev/v1alpha1
kind: Server
spec:
  {{- toYaml $spec | nindent 2 }}
{{- end -}}

{{/* Where pods go: to the nodes that are kept for load, and several servers to several nodes (spread). */}}
{{- define "conductor.placement" -}}
{{- $values := .root.Values -}}
{{- $pool := $values.pool -}}
{{- $selector := $values.nodeSelector -}}
{{- $tolerations := $values.tolerations -}}
{{- $affinity := dict -}}
{{- if $pool.label -}}
{{- $tolerations = prepend $tolerations (dict "key" $pool.label "operator" "Equal" "value" $pool.value "effect" "NoSchedule") -}}
{{- if $pool.required -}}
{{- $selector = merge (dict $pool.label $pool.value) $selector -}}
{{- else -}}
{{- $own := dict "matchExpressions" (list (dict "key" $pool.label "operator" "In" "values" (list $pool.value))) -}}
{{- $preferred := list (dict "weight" 100 "preference" $own) -}}
{{- $_ := set $affinity "nodeAffinity" (dict "preferredDuringSchedulingIgnoredDuringExecution" $preferred) -}}
{{- end -}}
{{- end -}}
{{- if and .spread (gt (int $values.replicas) 1) -}}
{{- /* A node that dies takes one server with it. */ -}}
{{- $others := dict "matchLabels" (include "conductor.selector" .root | fromYaml) -}}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" $others -}}
{{- $preferred := list (dict "weight" 100 "podAffinityTerm" $term) -}}
{{- $_ := set $affinity "podAntiAffinity" (dict "preferredDuringSchedulingIgnoredDuringExecution" $preferred) -}}
{{- end -}}
{{- $all := dict -}}
{{- with $selector }}{{ $_ := set $all "nodeSelector" . }}{{ end -}}
{{- with $tolerations }}{{ $_ := set $all "tolerations" . }}{{ end -}}
{{- with ($values.affinity | default $affinity) }}{{ $_ := set $all "affinity" . }}{{ end -}}
{{- with $all }}{{ toYaml . }}{{ end -}}
{{- end -}}
