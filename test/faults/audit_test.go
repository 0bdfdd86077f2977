package faults

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// operator is who the manager is to the API server.
const operator = "system:serviceaccount:certcentral-system:user-operator"

// audited is a call to the API server, as its audit log has it.
type audited struct {
	Verb string
	User struct{ Username string }

	ObjectRef      struct{ APIGroup, Resource, Subresource, Namespace, Name string }
	ResponseStatus struct{ Code int }
	Received       time.Time `json:"requestReceivedTimestamp"`
	Answered       time.Time `json:"stageTimestamp"`
	ResponseObject json.RawMessage

	line []byte
}

// ok tells whether the call did what it was for.
func (a audited) ok() bool { return a.ResponseStatus.Code/100 == 2 }

// is tells whether the call was made by the operator, with the verb on the resource or subresource.
func (a audited) is(verb, resource string) bool {
	of := a.ObjectRef.Resource
	if a.ObjectRef.Subresource != "" {
		of += "/" + a.ObjectRef.Subresource
	}
	return a.User.Username == operator && a.Verb == verb && of == resource
}

// user is the CertCentralUser that was answered.
func (a audited) user() v1alpha1.CertCentralUser {
	var user v1alpha1.CertCentralUser
	_ = json.Unmarshal(a.ResponseObject, &user)
	return user
}

// account is the CertCentralAccount that was answered.
func (a audited) account() v1alpha1.CertCentralAccount {
	var account v1alpha1.CertCentralAccount
	_ = json.Unmarshal(a.ResponseObject, &account)
	return account
}

// writes tells whether the operator wrote, or tried to.
func (a audited) writes() bool {
	return a.User.Username == operator && slices.Contains([]string{"create", "update", "patch", "delete"}, a.Verb)
}

// audit gathers the lines of an API server's audit log, whatever chunks they come in and whatever else the API server prints.
type audit struct {
	mu    sync.Mutex
	rest  []byte
	calls []audited
}

func (a *audit) Write(chunk []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rest = append(a.rest, chunk...)
	for {
		i := bytes.IndexByte(a.rest, '\n')
		if i < 0 {
			return len(chunk), nil
		}
		line := bytes.Clone(a.rest[:i])
		a.rest = a.rest[i+1:]
		var call audited
		if bytes.HasPrefix(line, []byte(`{"kind":"Event"`)) && json.Unmarshal(line, &call) == nil {
			call.line = line
			a.calls = append(a.calls, call)
		}
	}
}

// in returns the calls about objects of a namespace so far.
func (a *audit) in(namespace string) (calls []audited) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, call := range a.calls {
		if call.ObjectRef.Namespace == namespace {
			calls = append(calls, call)
		}
	}
	return calls
}

// forget drops what was gathered.
func (a *audit) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = nil
}
