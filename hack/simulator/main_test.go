package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
)

const demoKey = "demo-key-that-opens-nothing"

// ask makes a call and decodes what it answers.
func ask(g *WithT, client *http.Client, method, url, body string) (int, map[string]any) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	g.Expect(err).NotTo(HaveOccurred())
	r.Header.Set("X-DC-DEVKEY", demoKey)
	answer, err := client.Do(r)
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = answer.Body.Close() }()
	var object map[string]any
	_ = json.NewDecoder(answer.Body).Decode(&object)
	return answer.StatusCode, object
}

func TestRun(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	ca, url, adminURL := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "url"), filepath.Join(dir, "admin-url")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out := gbytes.NewBuffer()
	ended := make(chan error)
	go func() {
		ended <- run(ctx, []string{"--ca-out", ca, "--url-out", url, "--admin-url-out", adminURL}, out, io.Discard)
	}()
	g.Eventually(url).Should(BeAnExistingFile())

	read := func(file string) string {
		content, err := os.ReadFile(file)
		g.Expect(err).NotTo(HaveOccurred())
		return strings.TrimSpace(string(content))
	}
	roots := x509.NewCertPool()
	g.Expect(roots.AppendCertsFromPEM([]byte(read(ca)))).To(BeTrue())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}

	status, me := ask(g, client, "GET", read(url)+"/user/me", "")
	g.Expect(status).To(Equal(200))
	g.Expect(me).To(HaveKeyWithValue("username", "api.owner@example.com"))
	status, _ = ask(g, client, "PATCH", read(adminURL)+"/users/125039", `{"job_title": "Chief"}`)
	g.Expect(status).To(Equal(200))
	_, john := ask(g, client, "GET", read(url)+"/user/125039", "")
	g.Expect(john).To(HaveKeyWithValue("job_title", "Chief"))

	stop()
	g.Expect(<-ended).To(Succeed())
	g.Expect(string(out.Contents())).To(MatchRegexp(`^admin http://127.0.0.1:\d+/admin
api   https://127.0.0.1:\d+/services/v2
\S+ GET  /user/me  200
\S+ EDIT /user/125039  job_title changed in the console
\S+ GET  /user/125039  200
$`))
	g.Expect(string(out.Contents())).NotTo(Or(ContainSubstring(demoKey), ContainSubstring("Chief")))
}

func TestQuiet(t *testing.T) {
	g := NewWithT(t)
	var out bytes.Buffer
	sim, err := build(settings{quiet: true, rules: "{}"}, &out)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(sim.Edit(125039, map[string]any{"status": "inactive"})).To(Succeed())
	g.Expect(out.String()).To(BeEmpty())
}

func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.json")
	NewWithT(t).Expect(os.WriteFile(broken, []byte(`{"users": 5}`), 0o600)).To(Succeed())
	nowhere := filepath.Join(dir, "no", "file")
	for reason, args := range map[string][]string{
		"an unknown flag":            {"--unknown"},
		"rules that are none":        {"--rules", `{"speed": 5}`},
		"no such file":               {"--users", nowhere},
		"users that are none":        {"--users", broken},
		"an admin path for everyone": {"--admin", "0.0.0.0:0"},
		"an address that is none":    {"--listen", "nowhere"},
		"no place for the CA":        {"--ca-out", nowhere, "--admin", ""},
		"no place for the URL":       {"--url-out", nowhere},
		"no place for admin's URL":   {"--admin-url-out", nowhere},
	} {
		t.Run(reason, func(t *testing.T) {
			NewWithT(t).Expect(run(t.Context(), args, io.Discard, io.Discard)).NotTo(Succeed())
		})
	}
}

// The user-info page's example, word for word: whatever reads the page's user reads the demonstration's.
const documented = `{"id": 125039, "username": "john.smith@digicert.com", "account_id": 123654, "first_name": "John",
"last_name": "Smith", "email": "john.smith@digicert.com", "job_title": "Sys Admin", "telephone": "555-555-5555",
"status": "active", "last_login_date": "2019-06-21 13:37:00", "container": {"id": 5,
"public_id": "9bba0f54e97e31abb0f2a7e6e9386f1", "name": "My Account", "parent_id": 0, "template_id": 5,
"ekey": "<ekey>", "has_logo": true, "is_active": true}, "access_roles": [{"id": 1, "name": "Administrator"}],
"is_cert_central": true, "is_enterprise": true, "is_saml_sso_only": false, "type": "standard", "language_id": 1,
"account_language_id": 1, "has_container_assignments": false, "container_visibility": [{"id": 5,
"public_id": "9bba0f54e97e31abb0f2a7e6e9386f1", "name": "My Account", "parent_id": 0, "template_id": 5,
"ekey": "<ekey>", "has_logo": true, "is_active": true}, {"id": 94317, "public_id": "049991aead2691319b7f8c536af186",
"name": "Support", "parent_id": 0, "template_id": 6, "ekey": "<ekey>", "has_logo": false, "is_active": true,
"allowed_domain_names": ["example.com"], "organization_assignments": [{"id": 11, "name": "Organization Name"}]}]}`

func TestTheDemonstrationHasTheDocumentedUser(t *testing.T) {
	g := NewWithT(t)
	sim, err := build(settings{rules: "{}"}, nil)
	g.Expect(err).NotTo(HaveOccurred())
	var want map[string]any
	g.Expect(json.Unmarshal([]byte(documented), &want)).To(Succeed())
	g.Expect(sim.User(125039)).To(Equal(want))
}
