// Hoverfly, pinned, which answers in place of real dependencies in the tests of mocks. Nothing of it is linked into the conductor.
module loadtest-conductor.dev/hoverfly

go 1.26.4

tool github.com/SpectoLabs/hoverfly/core/cmd/hoverfly

require (
	github.com/ChrisTrenkamp/xsel v0.9.16 // indirect
	github.com/SpectoLabs/goproxy v0.0.0-20240717215706-55e01f38b2c9 // indirect
	github.com/SpectoLabs/goproxy/ext v0.0.0-20240717215706-55e01f38b2c9 // indirect
	github.com/SpectoLabs/goxml2json v0.0.0-20240121223617-8e03292c14ea // indirect
	github.com/SpectoLabs/hoverfly v1.12.10 // indirect
	github.com/SpectoLabs/raymond v2.0.3-0.20240827093205-07f3a7bebd7d+incompatible // indirect
	github.com/aymerick/raymond v2.0.2+incompatible // indirect
	github.com/beevik/etree v1.6.0 // indirect
	github.com/boltdb/bolt v1.3.1 // indirect
	github.com/brianvoe/gofakeit/v6 v6.28.0 // indirect
	github.com/codegangsta/negroni v1.0.0 // indirect
	github.com/corpix/uarand v0.2.0 // indirect
	github.com/dsnet/compress v0.0.1 // indirect
	github.com/gabriel-vasile/mimetype v1.4.13 // indirect
	github.com/go-playground/locales v0.14.1 // indirect
	github.com/go-playground/universal-translator v0.18.1 // indirect
	github.com/go-playground/validator/v10 v10.30.3 // indirect
	github.com/go-zoo/bone v1.3.0 // indirect
	github.com/goccmack/goutil v1.2.3 // indirect
	github.com/golang-jwt/jwt/v4 v4.5.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/gorilla/websocket v1.5.4-0.20250319132907-e064f32e3674 // indirect
	github.com/hashicorp/golang-lru v1.0.2 // indirect
	github.com/icrowley/fake v0.0.0-20240710202011-f797eb4a99c0 // indirect
	github.com/jackwakefield/gopac v1.0.3-0.20180823145755-c4d2e0b9a672 // indirect
	github.com/leodido/go-urn v1.4.0 // indirect
	github.com/pborman/uuid v1.2.1 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/rakyll/statik v0.1.8 // indirect
	github.com/rcrowley/go-metrics v0.0.0-20250401214520-65e299d6c5c9 // indirect
	github.com/robertkrimen/otto v0.5.1 // indirect
	github.com/ryanuber/go-glob v1.0.0 // indirect
	github.com/sirupsen/logrus v1.9.4 // indirect
	github.com/tdewolff/minify/v2 v2.24.13 // indirect
	github.com/tdewolff/parse/v2 v2.8.12 // indirect
	github.com/xeipuuv/gojsonpointer v0.0.0-20190905194746-02993c407bfb // indirect
	github.com/xeipuuv/gojsonreference v0.0.0-20180127040603-bd5ef7bd5415 // indirect
	github.com/xeipuuv/gojsonschema v1.2.0 // indirect
	golang.org/x/crypto v0.53.0 // indirect
	golang.org/x/net v0.55.0 // indirect
	golang.org/x/sys v0.46.0 // indirect
	golang.org/x/text v0.38.0 // indirect
	gonum.org/v1/gonum v0.17.0 // indirect
	gopkg.in/sourcemap.v1 v1.0.5 // indirect
	k8s.io/client-go v0.36.2 // indirect
)
