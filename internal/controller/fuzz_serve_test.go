package controller

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/certcentral-io/user-operator/internal/simulator"
)

// serve is CertCentral, with an eye on what passes.
func (p *play) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var id int64
	_, _ = fmt.Sscanf(r.URL.Path, simulator.BasePath+"/user/%d", &id)
	if r.Method != http.MethodGet {
		p.expectWanted(id, body)
		p.step.puts++
	} else if id != 0 && p.midway != nil {
		p.midway()
		p.midway = nil
	}
	p.expect(p.acting == nil || !p.locked, "P3: a call with a key that was refused")
	answer := &tee{ResponseWriter: w}
	cut := true
	defer func() {
		if lists := strings.HasSuffix(r.URL.Path, "/api-only"); !cut && !lists && (p.acting == nil || !p.locked) {
			said := answer.body.Bytes()
			p.locked = answer.status == http.StatusUnauthorized || json.Valid(said) && bytes.Contains(said, []byte("access_denied_invalid_key"))
		}
		switch {
		case r.Method != http.MethodGet && !cut && answer.status/100 == 2:
			p.acknowledged()
		case r.Method == http.MethodGet && id != 0:
			var shown values
			if !cut && answer.status == http.StatusOK {
				shown = shownValues(answer.body.Bytes(), id)
			}
			p.step.looked[id] = shown
			if p.acting != nil {
				p.seen[p.acting.UID] = append(p.seen[p.acting.UID], shown)
			}
		}
	}()
	p.ServeHTTP(answer, r)
	cut = false
}

// tee keeps what is answered.
type tee struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (t *tee) WriteHeader(status int) {
	t.status = status
	t.ResponseWriter.WriteHeader(status)
}

func (t *tee) Write(b []byte) (int, error) {
	t.body.Write(b)
	return t.ResponseWriter.Write(b)
}

func (t *tee) Unwrap() http.ResponseWriter { return t.ResponseWriter }
