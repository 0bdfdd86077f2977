package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Namespace is where the manifests put the operator.
const Namespace = "certcentral-system"

// elsewhere are the kinds of config/default that a world has in another form: the CRDs are there already, and the manager is a
// process on this machine.
var elsewhere = []string{"CustomResourceDefinition", "Deployment", "Service"}

// install creates what config/default holds.
func (w *World) install(ctx context.Context) error {
	objects, err := readKustomization(filepath.Join(w.options.Config, "default"))
	if err != nil {
		return fmt.Errorf("reading the manifests: %w", err)
	}
	for _, object := range objects {
		if slices.Contains(elsewhere, object.GetKind()) {
			continue
		}
		if err := w.Client.Create(ctx, object); err != nil {
			return fmt.Errorf("installing %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	return nil
}

// readKustomization returns the objects that a kustomization lists, as its files and folders have them. That is all it knows of
// kustomize, so that a world needs no kustomize; what is not listed is not installed here either.
func readKustomization(folder string) ([]*unstructured.Unstructured, error) {
	text, err := os.ReadFile(filepath.Join(folder, "kustomization.yaml"))
	if err != nil {
		return nil, err
	}
	var kustomization struct {
		Resources []string `json:"resources"`
	}
	if err := yaml.Unmarshal(text, &kustomization); err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	for _, resource := range kustomization.Resources {
		read := readFile
		if filepath.Ext(resource) != ".yaml" {
			read = readKustomization
		}
		more, err := read(filepath.Join(folder, resource))
		if err != nil {
			return nil, err
		}
		objects = append(objects, more...)
	}
	return objects, nil
}

// readFile returns the objects of a YAML file.
func readFile(path string) ([]*unstructured.Unstructured, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var objects []*unstructured.Unstructured
	for documents := utilyaml.NewYAMLToJSONDecoder(file); ; {
		object := &unstructured.Unstructured{}
		switch err := documents.Decode(object); {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		objects = append(objects, object)
	}
}
