// Package render makes Kubernetes objects of what the project ships to install, with the tools that people use for it: kustomize
// and helm. It asserts nothing, and talks to no cluster.
package render

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// The names under which the chart is rendered: those that kustomize gives, too.
const (
	Release   = "user-operator"
	Namespace = "certcentral-system"
)

// Kustomize returns what the binary that KUSTOMIZE names makes of a folder.
func Kustomize(ctx context.Context, folder string) ([]*unstructured.Unstructured, error) {
	out, err := run(ctx, "KUSTOMIZE", nil, "build", folder)
	if err != nil {
		return nil, err
	}
	return Read(bytes.NewReader(out))
}

// Overlay returns what kustomize makes of a kustomization in a new folder below dir. In its text, each %s is the path of the folder
// config from there.
func Overlay(ctx context.Context, dir, config, text string) ([]*unstructured.Unstructured, error) {
	folder, err := os.MkdirTemp(dir, "overlay-")
	if err != nil {
		return nil, err
	}
	if config, err = filepath.Abs(config); err != nil {
		return nil, err
	}
	if config, err = filepath.Rel(folder, config); err != nil { // kustomize takes no absolute path for a base
		return nil, err
	}
	text = string(bytes.ReplaceAll([]byte(text), []byte("%s"), []byte(config)))
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	return Kustomize(ctx, folder)
}

// Chart returns what the binary that HELM names makes of a chart with the values: those of the files, then the given.
func Chart(ctx context.Context, chart string, values map[string]any, files ...string) ([]*unstructured.Unstructured, error) {
	args := []string{"template", Release, chart, "--namespace", Namespace, "--include-crds"}
	for _, file := range files {
		args = append(args, "--values", file)
	}
	text, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	out, err := run(ctx, "HELM", text, append(args, "--values", "-")...)
	if err != nil {
		return nil, err
	}
	return Read(bytes.NewReader(out))
}

// run returns the standard output of the binary that the environment variable names.
func run(ctx context.Context, variable string, stdin []byte, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, os.Getenv(variable), args...)
	command.Stdin = bytes.NewReader(stdin)
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %v: %w: %s", variable, args, err, said.Bytes())
	}
	return out, nil
}

// Read returns the objects of YAML documents; what is empty but for comments is none.
func Read(text io.Reader) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for documents := utilyaml.NewYAMLOrJSONDecoder(text, 4096); ; {
		object := &unstructured.Unstructured{}
		switch err := documents.Decode(&object.Object); {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, err
		case len(object.Object) > 0:
			objects = append(objects, object)
		}
	}
}
