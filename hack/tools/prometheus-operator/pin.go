// Package pin imports the smallest public package of the Prometheus Operator, or go mod tidy would drop the module. What is wanted is
// a file beside it: example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml.
package pin

import _ "github.com/prometheus-operator/prometheus-operator/pkg/versionutil"
