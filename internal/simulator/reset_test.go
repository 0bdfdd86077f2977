package simulator

import (
	"io"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"
)

func TestResetOfAWrite(t *testing.T) {
	for _, tc := range []struct {
		do     Do
		status int // of the record; 0 when the client has no answer
		note   string
	}{
		{Do{Reset: ResetAnswer}, 0, "no answer"},
		{Do{Reset: ResetAnswer, Apply: true}, 0, "job_title changed, no answer"},
		{Do{Reset: ResetHeader}, 0, ""},
		{Do{Reset: ResetHeader, Apply: true}, 0, "job_title changed"},
		{Do{Reset: ResetHeader, Status: 503}, 0, "server_error"},
		{Do{Reset: ResetBody}, 204, ""},
		{Do{Reset: ResetBody, Apply: true}, 204, "job_title changed"},
	} {
		t.Run(tc.do.String(), func(t *testing.T) {
			w := newWorld(t, Rules{})
			c := w.dial(t).http1()
			w.inject(Fault{Match{}, tc.do})
			answer, err := c.client.Do(c.request("PUT", "/user/125039", body(map[string]any{"job_title": "Chief"})))
			if tc.status == 0 {
				w.Expect(err).To(MatchError(syscall.ECONNRESET))
			} else {
				w.Expect(err).NotTo(HaveOccurred())
				w.Expect(answer.StatusCode).To(Equal(tc.status))
			}
			w.Expect(w.User(john)).To(HaveKeyWithValue("job_title", title(tc.do.Apply)))
			w.Expect(w.Calls()).To(HaveExactElements(And(
				HaveField("Status", tc.status), HaveField("Served", ""), HaveField("Applied", tc.do.Apply), HaveField("Note", tc.note))))
		})
	}
}

func TestResetOfARead(t *testing.T) {
	whole := func(w *world) string { return string(raw(w.view(w.people[john], false))) }
	for _, tc := range []struct {
		reason string
		do     Do
		served func(*world) string
	}{
		{"the service's answer", Do{Reset: ResetBody}, whole},
		{"the fault's", Do{Reset: ResetBody, Status: 502, Body: "abcd"}, func(*world) string { return "abcd" }},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			w := newWorld(t, Rules{})
			c := w.dial(t).http1()
			w.inject(Fault{Match{}, tc.do})
			read, err := io.ReadAll(c.get("/user/125039").Body)
			w.Expect(err).To(MatchError(syscall.ECONNRESET))
			served := tc.served(w)
			w.Expect(string(read)).To(Equal(served[:len(served)/2]))
			w.Expect(w.Calls()[0].Served).To(Equal(string(read)))
		})
	}
	for _, place := range []Reset{ResetAnswer, ResetHeader} {
		w := newWorld(t, Rules{})
		c := w.dial(t).http1()
		w.inject(Fault{Match{}, Do{Reset: place}})
		_, err := c.client.Do(c.request("GET", "/user/125039", ""))
		w.Expect(err).To(HaveOccurred(), "half a header may also be taken for a malformed one")
		w.Expect(w.Calls()).To(HaveExactElements(And(HaveField("Status", 0), HaveField("Served", ""))))
	}
}
