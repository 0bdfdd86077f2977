package certcentral

import (
	"io"
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
)

func TestGetUser(t *testing.T) {
	w := newWorld(t, answering(200, documented))
	user, err := w.GetUser(t.Context(), Poll, 125039)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(user.Profile.Username).To(Equal("john.smith@digicert.com"))

	sent := w.seen[0]
	w.g.Expect(w.requests()).To(Equal([]string{"GET /services/v2/user/125039"}))
	w.g.Expect(sent.query + sent.body).To(BeEmpty())
	w.g.Expect(sent.header).To(Equal(http.Header{
		"X-Dc-Devkey": {w.key}, "Accept": {"application/json"}, "Content-Type": {"application/json"},
		"User-Agent": {"certcentral-user-operator"},
	}), "and no Accept-Encoding, Idempotency-Key or other")
	w.g.Expect(w.calls).To(HaveLen(1))
	w.g.Expect(w.calls[0].Duration).To(BeNumerically(">", 0))
	w.calls[0].Duration, w.calls[0].Wait = 0, 0
	w.g.Expect(w.calls[0]).To(Equal(Call{Method: "GET", Route: "/user/{id}", Outcome: "ok", Sent: true}))
}

func TestGetUserRefusesAnotherUser(t *testing.T) {
	w := newWorld(t, answering(200, documented))
	user, err := w.GetUser(t.Context(), Poll, 125038)
	w.g.Expect(user).To(BeNil())
	w.g.Expect(w.failure(t, err)).To(Equal(&Error{
		Kind: BadResponse, Op: "GET /user/{id}", Status: 200, Sent: true, Err: reason("the answer is about another user"),
	}))
	w.g.Expect(w.calls[0].Outcome).To(Equal("BadResponse"))
}

func TestGetMe(t *testing.T) {
	w := newWorld(t, answering(200, documented))
	user, err := w.GetMe(t.Context(), Change)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(user.ID).To(BeEquivalentTo(125039))
	w.g.Expect(w.requests()).To(Equal([]string{"GET /services/v2/user/me"}))
}

func TestUpdateUserSendsTheWholeProfile(t *testing.T) {
	full := Update{
		Username: "john.smith@example.com", FirstName: "John", LastName: "Smith", Email: "john@example.com",
		JobTitle: "Sys Admin", Telephone: "555",
	}
	cleared := full
	cleared.JobTitle, cleared.Telephone, cleared.SAMLSSOOnly = "", "", new(false)
	special := Update{LastName: "O'Brien <\"\\&> \u2028 日本", SAMLSSOOnly: new(true)}
	for name, tc := range map[string]struct {
		update Update
		body   string
	}{
		"all six fields":                   {full, `{"username":"john.smith@example.com","first_name":"John","last_name":"Smith","email":"john@example.com","job_title":"Sys Admin","telephone":"555"}`},
		"empty ones too, flag as a string": {cleared, `{"username":"john.smith@example.com","first_name":"John","last_name":"Smith","email":"john@example.com","job_title":"","telephone":"","is_saml_sso_only":"false"}`},
		"any character":                    {special, `{"username":"","first_name":"","last_name":"O'Brien <\"\\&> \u2028 日本","email":"","job_title":"","telephone":"","is_saml_sso_only":"true"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, answering(204, ""))
			w.g.Expect(w.UpdateUser(t.Context(), 7, tc.update, nil)).To(Succeed())
			w.g.Expect(w.requests()).To(Equal([]string{"PUT /services/v2/user/7"}))
			w.g.Expect(w.seen[0].body).To(MatchJSON(tc.body))
			w.g.Expect(w.seen[0].header).To(HaveKeyWithValue("Content-Type", []string{"application/json"}))
			w.g.Expect(w.seen[0].header).NotTo(HaveKey("Idempotency-Key"))
		})
	}
}

func TestUpdateUserTakesAny2xx(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"nothing":     answering(204, ""),
		"a user":      answering(200, documented),
		"a page":      answering(202, "<html>"),
		"an encoding": encodedAs("gzip", "x"),
		"an answer without end": func(rw http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(rw, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, handler)
			w.g.Expect(w.UpdateUser(t.Context(), 7, Update{}, nil)).To(Succeed())
			w.g.Expect(w.calls[0].Duration).To(BeNumerically("<", defaultTimeout/2), "however long its body")
		})
	}
}

func TestAWriteGoesBeforePolls(t *testing.T) {
	w := newWorld(t, answering(204, ""), func(c *Config) {
		c.Budget = NewBudgets(nil).Use("pki/digicert", c.Key, Limits{PerMinute: 6000, Burst: 1000})
	})
	w.g.Expect(w.UpdateUser(t.Context(), 7, Update{}, nil)).To(Succeed(), "after a wait for the one token it needs")
	w.g.Expect(w.calls[0].Wait).To(BeNumerically(">", 0))
}

func TestArgumentsThatMakeNoRequest(t *testing.T) {
	w := newWorld(t, answering(200, documented))
	_, get := w.GetUser(t.Context(), Poll, 0)
	put := w.UpdateUser(t.Context(), -1, Update{}, nil)
	_, find := w.FindUser(t.Context(), Poll, "")
	for _, err := range []error{get, put, find} {
		e := w.failure(t, err)
		w.g.Expect(e.Kind).To(Equal(Rejected))
		w.g.Expect(e.Sent).To(BeFalse())
	}
	w.g.Expect(w.requests()).To(BeEmpty())
}

// encodedAs claims an encoding nobody asked for.
func encodedAs(encoding, body string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Encoding", encoding)
		_, _ = io.WriteString(rw, body)
	}
}
