// The application controller of Argo CD with the repo server that it asks for manifests, in one program for a cluster of a test.
//
// They are what is released. The released programs would be three, with a Redis between them, and the controller's metrics would be
// served on every address of the machine. Here the cache is in memory, and what listens does so on loopback.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	log "github.com/sirupsen/logrus"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	commits "github.com/argoproj/argo-cd/v3/commitserver/apiclient"
	"github.com/argoproj/argo-cd/v3/controller"
	"github.com/argoproj/argo-cd/v3/controller/sharding"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	applications "github.com/argoproj/argo-cd/v3/pkg/client/clientset/versioned"
	"github.com/argoproj/argo-cd/v3/reposerver"
	repositories "github.com/argoproj/argo-cd/v3/reposerver/apiclient"
	repocache "github.com/argoproj/argo-cd/v3/reposerver/cache"
	repometrics "github.com/argoproj/argo-cd/v3/reposerver/metrics"
	"github.com/argoproj/argo-cd/v3/reposerver/repository"
	"github.com/argoproj/argo-cd/v3/util/argo"
	"github.com/argoproj/argo-cd/v3/util/argo/normalizers"
	"github.com/argoproj/argo-cd/v3/util/askpass"
	"github.com/argoproj/argo-cd/v3/util/cache"
	"github.com/argoproj/argo-cd/v3/util/cache/appstate"
	"github.com/argoproj/argo-cd/v3/util/kube"
	"github.com/argoproj/argo-cd/v3/util/settings"
	"github.com/argoproj/argo-cd/v3/util/tls"
)

const (
	loopback  = "127.0.0.1:0"
	namespace = "argocd"
	// How long what others change of an object stays, once it was put back.
	selfHeal = time.Second
)

func main() {
	log.SetFormatter(&log.JSONFormatter{})
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	repos, err := serveRepositories()
	if err != nil {
		return fmt.Errorf("the repo server does not start: %w", err)
	}
	control, err := newController(ctx, repos)
	if err != nil {
		return fmt.Errorf("the application controller does not start: %w", err)
	}
	go control.Run(ctx, 20, 10, 1)
	log.Info("the application controller is at work")
	<-ctx.Done()
	return nil
}

// findNoSignatures puts what the repo server asks for the signature of a commit where it is found. There are none here.
func findNoSignatures() error {
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	if err := os.WriteFile("git-verify-wrapper.sh", []byte("#!/bin/sh\n"), 0o700); err != nil {
		return err
	}
	return os.Setenv("PATH", here+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// serveRepositories serves manifests of Git repositories, and says where.
func serveRepositories() (string, error) {
	if err := findNoSignatures(); err != nil {
		return "", err
	}
	remembered := repocache.NewCache(memory(), time.Hour, time.Second, 10*time.Second)
	limits := repository.RepoServerInitConstants{EnableBuiltinGitConfig: true}
	ask := askpass.NewServer(askpass.SocketPath)
	server, err := reposerver.NewServer(repometrics.NewMetricsServer(), remembered, nil, limits, ask, "", true)
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", loopback)
	if err != nil {
		return "", err
	}
	go func() { log.Fatal(server.CreateGRPC().Serve(listener)) }()
	return listener.Addr().String(), nil
}

func newController(ctx context.Context, repos string) (*controller.ApplicationController, error) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	if err := v1alpha1.SetK8SConfigDefaults(config); err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	apps, err := applications.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	manager := settings.NewSettingsManager(ctx, client, namespace)
	shards, err := sharding.GetClusterSharding(client, manager, "legacy", false)
	if err != nil {
		return nil, err
	}
	plaintext := tls.Configuration{DisableTLS: true}
	control, err := controller.NewApplicationController(
		namespace,
		manager,
		client,
		apps,
		repositories.NewRepoServerClientset(repos, 60, plaintext),
		commits.NewCommitServerClientset(""),
		appstate.NewCache(memory(), time.Hour),
		kube.NewKubectl(),
		2*time.Minute, // between looks at all applications
		0,
		0,
		selfHeal,
		nil,
		0,
		3*time.Minute,
		0,
		0,
		nil,
		nil,
		nil,
		20,
		false,
		shards,
		[]string{"*"}, // the namespaces that Applications may be in
		nil,
		false,
		false,
		normalizers.IgnoreNormalizerOpts{},
		argo.DefaultEnableEventList(),
		false,
	)
	if err != nil {
		return nil, err
	}
	control.GetMetricsServer().Addr = loopback
	return control, nil
}

func memory() *cache.Cache {
	return cache.NewCache(cache.NewInMemoryCache(time.Hour))
}
