package certcentral

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestKindOf(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want Kind
	}{
		"no error":                      {nil, ""},
		"an error of ours":              {&Error{Kind: NotFound}, NotFound},
		"wrapped":                       {fmt.Errorf("look: %w", &Error{Kind: Rejected}), Rejected},
		"joined":                        {errors.Join(errors.New("x"), &Error{Kind: Throttled}), Throttled},
		"without a kind":                {&Error{}, Unavailable},
		"of a kind that does not exist": {&Error{Kind: "Fine"}, Unavailable},
		"a nil of ours":                 {(*Error)(nil), Unavailable},
		"anybody's":                     {errors.New("x"), Unavailable},
		"anybody's cancellation":        {fmt.Errorf("x: %w", context.Canceled), Canceled},
		"anybody's timeout":             {context.DeadlineExceeded, Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(KindOf(tc.err)).To(Equal(tc.want))
		})
	}
	for _, kind := range []Kind{Rejected, KeyRefused, Forbidden, NotFound, Throttled, Deferred, Unavailable, BadResponse, Canceled} {
		NewWithT(t).Expect(KindOf(&Error{Kind: kind})).To(Equal(kind))
	}
}

func TestErrorTextIsStable(t *testing.T) {
	g := NewWithT(t)
	e := &Error{
		Kind: Forbidden, Op: "PUT /user/{id}", Status: 403, Codes: []string{"access_denied|missing_permission", "x"},
		Detail: "John Smith may not", RetryAfter: time.Second, Sent: true,
	}
	g.Expect(e).To(MatchError("certcentral PUT /user/{id}: Forbidden, status 403, access_denied|missing_permission x"))
	g.Expect(fmt.Sprintf("%#v %+v", e, e)).NotTo(ContainSubstring("John"))
	e = &Error{Kind: Canceled, Op: "GET /user/{id}", Err: context.Canceled}
	g.Expect(e).To(MatchError("certcentral GET /user/{id}: Canceled: context canceled"))
	g.Expect(e).To(MatchError(context.Canceled))
}
