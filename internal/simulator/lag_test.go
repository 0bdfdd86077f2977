package simulator

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// retitle writes John's job title.
func (w *world) retitle(title string) {
	w.Expect(w.put(john, map[string]any{"job_title": title}).Code).To(Equal(204))
}

// titles are John's job titles as so many reads show them.
func (w *world) titles(reads int) []any {
	var titles []any
	for range reads {
		titles = append(titles, w.get(john)["job_title"])
	}
	return titles
}

func TestLag(t *testing.T) {
	w := newWorld(t, Rules{Lag: Duration(10 * time.Second)})
	start := w.now
	at := func(seconds int) any {
		w.now = start.Add(time.Duration(seconds) * time.Second)
		return w.titles(1)[0]
	}
	w.Expect(at(0)).To(Equal("Sys Admin"))
	w.retitle("First")
	w.Expect(at(4)).To(Equal("Sys Admin"))
	w.retitle("Second")
	w.Expect(w.User(john)).To(HaveKeyWithValue("job_title", "Second"), "it is stored at once")
	w.Expect(at(9)).To(Equal("Sys Admin"))
	w.Expect(w.call("GET", "/user?limit=1&offset=1", "").Body.String()).To(ContainSubstring("Sys Admin"), "lists too")
	w.Expect(at(10)).To(Equal("First"), "each write comes to light in its turn")
	w.Expect(at(13)).To(Equal("First"))
	w.Expect(at(14)).To(Equal("Second"))
	w.Expect(w.Edit(john, map[string]any{"job_title": "Third"})).To(Succeed())
	w.Expect(at(14)).To(Equal("Third"), "a PUT lags, and nobody else's edit")

	w.retitle("Fourth")
	w.Expect(w.people[john].versions).To(HaveLen(1), "the rest is forgotten")
	w.SetRules(Rules{})
	w.Expect(at(14)).To(Equal("Fourth"))
}

func TestFlip(t *testing.T) {
	w := newWorld(t, Rules{Flip: true})
	w.Expect(w.titles(2)).To(Equal([]any{"Sys Admin", "Sys Admin"}), "nothing was written yet")
	w.retitle("First")
	w.Expect(w.titles(3)).To(Equal([]any{"Sys Admin", "First", "Sys Admin"}))
	w.retitle("Second")
	w.Expect(w.titles(4)).To(Equal([]any{"First", "Second", "First", "Second"}), "it begins anew")
	w.Expect(w.get(owner)).To(HaveKeyWithValue("first_name", "User"))
	w.Expect(w.titles(1)).To(Equal([]any{"First"}), "each user for themselves")
	w.SetRules(Rules{})
	w.Expect(w.titles(2)).To(Equal([]any{"Second", "Second"}))
}

func TestLagGoesBeforeFlip(t *testing.T) {
	w := newWorld(t, Rules{Lag: Duration(time.Second), Flip: true})
	w.retitle("First")
	w.Expect(w.titles(3)).To(Equal([]any{"Sys Admin", "Sys Admin", "Sys Admin"}))
	w.now = w.now.Add(time.Second)
	w.Expect(w.titles(3)).To(Equal([]any{"Sys Admin", "First", "Sys Admin"}))
}

func TestPutOnly(t *testing.T) {
	for _, tc := range []struct {
		reason  string
		only    []string
		changed []string
	}{
		{"all, where none is named", nil, []string{"first_name", "job_title", "telephone", ssoField}},
		{"those named", []string{"first_name", ssoField}, []string{"first_name", ssoField}},
		{"a removal too", []string{"telephone"}, []string{"telephone"}},
		{"none that was not sent anew", []string{"email"}, nil},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			w := newWorld(t, Rules{PutOnly: tc.only})
			w.Expect(w.put(john, map[string]any{"first_name": "Jon", "job_title": "Chief", "telephone": nil, ssoField: "true"}).Code).To(Equal(204))
			w.Expect(w.Calls()).To(HaveExactElements(And(HaveField("Applied", true), HaveField("Changed", tc.changed))))
			w.Expect(w.User(john)).To(HaveKeyWithValue("last_name", "Smith"))
		})
	}
}
