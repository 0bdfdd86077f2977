package gitops

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	. "github.com/onsi/gomega"
	lua "github.com/yuin/gopher-lua"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	luajson "layeh.com/gopher-json"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/certcentral-io/user-operator/test/world"
)

// argoManager is the field manager that Argo CD applies with.
const argoManager = "argocd-controller"

// customization is what Argo CD's ConfigMap says of one kind (its operator manual, pages Resource Health and Resource Actions).
type customization struct {
	health  string
	actions struct {
		Discovery   string `json:"discovery.lua"`
		Definitions []struct {
			Name   string `json:"name"`
			Action string `json:"action.lua"`
		} `json:"definitions"`
	}
}

// installCustomizations patches an Argo CD's ConfigMap as its file says, and returns what Argo CD then reads from it.
func installCustomizations(t *testing.T, w *world.World, patch string) map[string]customization {
	t.Helper()
	g := NewWithT(t)
	settings := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "argocd-cm"},
		Data:       map[string]string{"url": "https://argocd.example.com"},
	}
	g.Expect(w.Client.Create(t.Context(), settings)).To(Succeed())
	patched := exec.CommandContext(t.Context(), w.Kubectl, "--kubeconfig", w.Kubeconfig, "patch", "configmap", "argocd-cm", "--type", "merge",
		"--patch-file", patch)
	output, err := patched.CombinedOutput()
	g.Expect(err).NotTo(HaveOccurred(), "%s", output)
	g.Expect(w.Client.Get(t.Context(), client.ObjectKeyFromObject(settings), settings)).To(Succeed())
	g.Expect(settings.Data).To(HaveKeyWithValue("url", "https://argocd.example.com"), "other settings stay")
	delete(settings.Data, "url")

	found := map[string]customization{}
	for key, value := range settings.Data {
		parts := strings.SplitN(key, ".", 4)
		g.Expect(parts).To(HaveLen(4), key)
		g.Expect(strings.Join(parts[:2], ".")).To(Equal("resource.customizations"))
		kind := strings.Replace(parts[3], "_", "/", 1)
		c := found[kind]
		switch parts[2] {
		case "health":
			c.health = value
		case "actions":
			g.Expect(yaml.UnmarshalStrict([]byte(value), &c.actions)).To(Succeed())
		default:
			t.Fatalf("%s: Argo CD knows no such customization", key)
		}
		found[kind] = c
	}
	g.Expect(found).To(HaveLen(2))
	return found
}

// customized returns what Argo CD knows of an object's kind.
func (e *earth) customized(o *unstructured.Unstructured) customization {
	return e.argo[o.GroupVersionKind().Group+"/"+o.GetKind()]
}

// health is what a health check answers.
type health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func (e *earth) health(o *unstructured.Unstructured) (h health, err error) {
	return h, runLua(e.customized(o).health, o, &h)
}

// action is what discovery says of one action.
type action struct {
	DisplayName string `json:"displayName"`
	IconClass   string `json:"iconClass"`
	Disabled    bool   `json:"disabled"`
}

// enabledActions returns the names of the actions that Argo CD offers for an object now.
func (e *earth) enabledActions(o *unstructured.Unstructured) (names []string, err error) {
	var all map[string]action
	if err := runLua(e.customized(o).actions.Discovery, o, &all); err != nil {
		return nil, err
	}
	if len(all) != len(e.customized(o).actions.Definitions) {
		return nil, fmt.Errorf("%d actions are offered and %d defined", len(all), len(e.customized(o).actions.Definitions))
	}
	for name, a := range all {
		if a.DisplayName == "" || a.IconClass == "" {
			return nil, fmt.Errorf("action %s has no name or no icon", name)
		}
		if !a.Disabled {
			names = append(names, name)
		}
	}
	return names, nil
}

// act runs an action on an object, and returns the merge patch that Argo CD sends for it.
func (e *earth) act(name string, o *unstructured.Unstructured) ([]byte, error) {
	for _, definition := range e.customized(o).actions.Definitions {
		if definition.Name != name {
			continue
		}
		var after map[string]any
		if err := runLua(definition.Action, o, &after); err != nil {
			return nil, err
		}
		had, err := json.Marshal(o.Object)
		if err != nil {
			return nil, err
		}
		has, err := json.Marshal(emptied(after, o.Object))
		if err != nil {
			return nil, err
		}
		return jsonpatch.CreateMergePatch(had, has)
	}
	return nil, fmt.Errorf("there is no action %s", name)
}

// emptied puts empty objects where they were: Lua makes no difference between an empty object and an empty list, and Argo CD
// mends that in the same way.
func emptied(after, before any) any {
	switch before := before.(type) {
	case map[string]any:
		if list, ok := after.([]any); ok && len(list) == 0 {
			return map[string]any{}
		}
		if fields, ok := after.(map[string]any); ok {
			for name, value := range fields {
				fields[name] = emptied(value, before[name])
			}
		}
	case []any:
		if list, ok := after.([]any); ok {
			for i := range min(len(list), len(before)) {
				list[i] = emptied(list[i], before[i])
			}
		}
	}
	return after
}

// runLua runs a script as Argo CD 3 does (its package util/lua): anew each time, with the object as obj. Of the libraries there are
// package, base and table, and of os no more than time and date, after require; so no string and no math. Argo CD ends a script
// after a second, which is nothing to go by on a busy machine.
func runLua(script string, o *unstructured.Unstructured, result any) error {
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{{lua.LoadLibName, lua.OpenPackage}, {lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable}} {
		if err := l.CallByParam(lua.P{Fn: l.NewFunction(library.open), Protect: true}, lua.LString(library.name)); err != nil {
			return err
		}
	}
	preloadClock(l)
	object, err := json.Marshal(o.Object)
	if err != nil {
		return err
	}
	global, err := luajson.Decode(l, object)
	if err != nil {
		return err
	}
	l.SetGlobal("obj", global)
	if err := l.DoString(script); err != nil {
		return err
	}
	if kind := l.Get(-1).Type(); kind != lua.LTTable {
		return fmt.Errorf("the script returns a %s and no table", kind)
	}
	answer, err := luajson.Encode(l.Get(-1))
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, result)
}

// preloadClock makes require("os") return a table with time and date alone.
func preloadClock(l *lua.LState) {
	l.PreloadModule(lua.OsLibName, func(l *lua.LState) int {
		donor := lua.NewState(lua.Options{SkipOpenLibs: true})
		defer donor.Close()
		donor.Push(donor.NewFunction(lua.OpenOs))
		donor.Call(0, 1)
		clock := l.NewTable()
		for _, name := range []string{"time", "date"} {
			clock.RawSetString(name, l.NewFunction(donor.GetField(donor.Get(-1), name).(*lua.LFunction).GFunction))
		}
		l.Push(clock)
		return 1
	})
}

// TestLua shows that scripts get no more than Argo CD gives them.
func TestLua(t *testing.T) {
	g := NewWithT(t)
	o := &unstructured.Unstructured{Object: map[string]any{"count": int64(3), "empty": map[string]any{}, "list": []any{}}}
	var result map[string]any
	g.Expect(runLua(`return {string = type(string), math = type(math), os = type(os), io = type(io), execute = type(require("os").execute)}`,
		o, &result)).To(Succeed())
	g.Expect(result).To(HaveLen(5))
	g.Expect(result).To(HaveEach("nil"))
	g.Expect(runLua(`return "Healthy"`, o, &result)).To(MatchError(ContainSubstring("no table")))
	g.Expect(runLua(`return nosuch.field`, o, &result)).NotTo(Succeed())

	var after map[string]any
	g.Expect(runLua(`obj.count = obj.count + 1 return obj`, o, &after)).To(Succeed())
	g.Expect(emptied(after, o.Object)).To(Equal(map[string]any{"count": 4.0, "empty": map[string]any{}, "list": []any{}}))
}
