package v1alpha1_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

const (
	notHTTPS      = "must be an https URL such as https://www.digicert.com/services/v2"
	notPlain      = "must be a plain base URL: no user, query, fragment, percent escapes or spaces"
	notADuration  = "must be a duration such as 90s, 10m or 1h30m"
	notInBounds   = "must be between 1m and 24h"
	windowLong    = "burst + 3 * requestsPerMinute must not exceed 1000: CertCentral allows a key 1000 requests in 3 minutes"
	windowShort   = "12 * burst + requestsPerMinute must not exceed 1200: CertCentral allows a key 100 requests in 5 seconds"
	selectorFrom  = "selector goes with from: Selector, and only with it"
	operators     = "operator must be In, NotIn, Exists or DoesNotExist"
	operatorValue = "values go with the operators In and NotIn, and only with them"
	notPEM        = "must be the base64 of PEM certificates (-----BEGIN CERTIFICATE-----)"
)

var _ = Describe("An account's spec", func() {
	DescribeTable("is judged when it is created", func(ctx SpecContext, spec string, want verdict) {
		account := newAccount(ctx, spec)
		want.expect(ctx, account, api.Create(ctx, account))
	},
		Entry("the least", ``, accepted),

		Entry("the EU service", `endpoint: https://certcentral.digicert.eu/services/v2`, accepted),
		Entry("a port", `endpoint: https://localhost:8443/services/v2`, accepted),
		Entry("an address", `endpoint: https://192.0.2.1/services/v2`, accepted),
		Entry("an IPv6 address", `endpoint: "https://[2001:db8::1]:8443/services/v2"`, accepted),
		Entry("an empty endpoint", `endpoint: ""`, refused("spec.endpoint", notHTTPS)),
		Entry("http", `endpoint: http://www.digicert.com/services/v2`, refused("spec.endpoint", notHTTPS)),
		Entry("no scheme", `endpoint: www.digicert.com/services/v2`, refused("spec.endpoint", notHTTPS)),
		Entry("no host", `endpoint: https:///services/v2`, refused("spec.endpoint", notHTTPS)),
		Entry("a port and no host", `endpoint: https://:8443/services/v2`, refused("spec.endpoint", notHTTPS)),
		Entry("no slashes", `endpoint: https:www.digicert.com`, refused("spec.endpoint", notHTTPS)),
		Entry("a user", `endpoint: https://user:password@www.digicert.com/services/v2`, refused("spec.endpoint", notPlain)),
		Entry("a host that only looks like CertCentral", `endpoint: https://www.digicert.com@example.com/services/v2`, refused("spec.endpoint", notPlain)),
		Entry("a query", `endpoint: https://www.digicert.com/services/v2?a=b`, refused("spec.endpoint", notPlain)),
		Entry("a fragment", `endpoint: "https://www.digicert.com/services/v2#a"`, refused("spec.endpoint", notPlain)),
		Entry("a percent escape", `endpoint: https://www.digicert.com/services%2Fv2`, refused("spec.endpoint", notPlain)),
		Entry("a backslash", `endpoint: 'https://www.digicert.com\services'`, refused("spec.endpoint", notPlain)),
		Entry("a space in the host", `endpoint: https://www digicert.com/services/v2`, refused("spec.endpoint", notHTTPS)),
		Entry("a space at the end", `endpoint: "https://www.digicert.com/services/v2 "`, refused("spec.endpoint", notPlain)),
		Entry("a line break at the end", `endpoint: "https://www.digicert.com/services/v2\n"`, refused("spec.endpoint", notPlain)),
		Entry("a letter that only looks like another", `endpoint: "https://www.digic\u0435rt.com/services/v2"`, refused("spec.endpoint", notPlain)),
		Entry("an endpoint of 253 characters", `endpoint: https://example.com/`+strings.Repeat("a", 233), accepted),
		Entry("an endpoint of 254 characters", `endpoint: https://example.com/`+strings.Repeat("a", 234),
			refused("spec.endpoint", "may not be more than 253")),

		Entry("no Secret", `apiKeySecretRef:`, refused("spec.apiKeySecretRef", "Required value")),
		Entry("a Secret with no name", `apiKeySecretRef: {key: api-key}`, refused("spec.apiKeySecretRef.name", "Required value")),
		Entry("a Secret with an empty name", `apiKeySecretRef: {name: ""}`, refused("spec.apiKeySecretRef.name", notAName)),
		Entry("a Secret of another namespace", `apiKeySecretRef: {name: other/api-key}`, refused("spec.apiKeySecretRef.name", notAName)),
		Entry("a Secret whose name no Secret can have", `apiKeySecretRef: {name: API_KEY}`, refused("spec.apiKeySecretRef.name", notAName)),
		Entry("a Secret name of 253 characters", `apiKeySecretRef: {name: `+strings.Repeat("a", 253)+`}`, accepted),
		Entry("a Secret name of 254 characters", `apiKeySecretRef: {name: `+strings.Repeat("a", 254)+`}`,
			refused("spec.apiKeySecretRef.name", "may not be more than 253")),
		Entry("a key of the Secret", `apiKeySecretRef: {name: a, key: DC_API.key-1}`, accepted),
		Entry("an empty key of the Secret", `apiKeySecretRef: {name: a, key: ""}`,
			refused("spec.apiKeySecretRef.key", "must be a key of a Secret")),
		Entry("a key no Secret can have", `apiKeySecretRef: {name: a, key: a/b}`,
			refused("spec.apiKeySecretRef.key", "must be a key of a Secret")),
		Entry("a key of 253 characters", `apiKeySecretRef: {name: a, key: `+strings.Repeat("a", 253)+`}`, accepted),
		Entry("a key of 254 characters", `apiKeySecretRef: {name: a, key: `+strings.Repeat("a", 254)+`}`,
			refused("spec.apiKeySecretRef.key", "may not be more than 253")),

		Entry("a pinned account", `accountID: 1`, accepted),
		Entry("a pinned account 0", `accountID: 0`, refused("spec.accountID", "should be greater than or equal to 1")),
		Entry("a pinned account in quotes", `accountID: "123654"`, refused("spec.accountID", "must be of type integer")),
		Entry("the largest account Go can hold", `accountID: 9223372036854775807`, accepted),
		Entry("one more", `accountID: 9223372036854775808`, refused("spec.accountID", "must be of type int")),

		Entry("mode Enforce", `mode: Enforce`, accepted),
		Entry("mode ReportDrift", `mode: ReportDrift`, accepted),
		Entry("mode Observe", `mode: Observe`, accepted),
		Entry("an unknown mode", `mode: "Off"`, refused("spec.mode", `supported values: "Enforce", "ReportDrift", "Observe"`)),

		Entry("1m", `interval: 1m`, accepted),
		Entry("60s", `interval: 60s`, accepted),
		Entry("60000ms", `interval: 60000ms`, accepted),
		Entry("59s", `interval: 59s`, refused("spec.interval", notInBounds)),
		Entry("59999.9ms", `interval: 59999.9ms`, refused("spec.interval", notInBounds)),
		Entry("1h30m", `interval: 1h30m`, accepted),
		Entry("1.5h", `interval: 1.5h`, accepted),
		Entry("24h", `interval: 24h`, accepted),
		Entry("1440m", `interval: 1440m`, accepted),
		Entry("24h1ms", `interval: 24h1ms`, refused("spec.interval", notInBounds)),
		Entry("0s", `interval: 0s`, refused("spec.interval", notInBounds)),
		Entry("an empty interval", `interval: ""`, refused("spec.interval", notADuration)),
		Entry("1d", `interval: 1d`, refused("spec.interval", notADuration)),
		Entry("-10m", `interval: -10m`, refused("spec.interval", notADuration)),
		Entry("+10m", `interval: +10m`, refused("spec.interval", notADuration)),
		Entry("10 m", `interval: 10 m`, refused("spec.interval", notADuration)),
		Entry(".5h", `interval: .5h`, refused("spec.interval", notADuration)),
		Entry("10m and a line break", `interval: "10m\n"`, refused("spec.interval", notADuration)),
		Entry("600 without a unit", `interval: "600"`, refused("spec.interval", notADuration)),
		Entry("600 as a number", `interval: 600`, refused("spec.interval", "must be of type string")),
		Entry("more than Go can hold", `interval: 9999999999h`, refused("spec.interval", notInBounds)),
		Entry("more than Go can hold, in sum", `interval: 2562047h2562047h`, refused("spec.interval", notInBounds)),
		Entry("a number longer than any", `interval: `+strings.Repeat("9", 31)+`h`, refused("spec.interval", notInBounds)),
		Entry("an interval of 32 characters", `interval: `+strings.Repeat("0", 29)+`10m`, accepted),
		Entry("an interval of 33 characters", `interval: `+strings.Repeat("0", 30)+`10m`, refused("spec.interval", "may not be more than 32")),

		Entry("full looks every 10m", `fullInterval: 10m`, accepted),
		Entry("full looks every 9m59s", `fullInterval: 9m59s`, refused("spec.fullInterval", "must be between 10m and 168h")),
		Entry("full looks every 168h", `fullInterval: 168h`, accepted),
		Entry("full looks every 168h1s", `fullInterval: 168h1s`, refused("spec.fullInterval", "must be between 10m and 168h")),
		Entry("full looks every 7d", `fullInterval: 7d`, refused("spec.fullInterval", "must be a duration such as 90m or 12h")),

		Entry("12 requests a minute", `budget: {requestsPerMinute: 12}`, accepted),
		Entry("11 requests a minute", `budget: {requestsPerMinute: 11}`, refused("spec.budget.requestsPerMinute", "should be greater than or equal to 12")),
		Entry("332 requests a minute", `budget: {requestsPerMinute: 332, burst: 3}`, accepted),
		Entry("333 requests a minute", `budget: {requestsPerMinute: 333, burst: 3}`,
			refused("spec.budget.requestsPerMinute", "should be less than or equal to 332")),
		Entry("a burst of 3", `budget: {burst: 3}`, accepted),
		Entry("a burst of 2", `budget: {burst: 2}`, refused("spec.budget.burst", "should be greater than or equal to 3")),
		Entry("a burst of 99", `budget: {requestsPerMinute: 12, burst: 99}`, accepted),
		Entry("a burst of 100", `budget: {requestsPerMinute: 12, burst: 100}`, refused("spec.budget.burst", "should be less than or equal to 99")),
		Entry("a burst that Go can't hold", `budget: {burst: 4294967297}`, refused("spec.budget.burst", "should be less than or equal to 99")),
		Entry("half a request", `budget: {burst: 1.5}`, refused("spec.budget.burst", "must be of type int")),
		Entry("1000 in 3 minutes", `budget: {requestsPerMinute: 320, burst: 40}`, accepted),
		Entry("1001 in 3 minutes", `budget: {requestsPerMinute: 320, burst: 41}`, refused("spec.budget", windowLong)),
		Entry("1003 in 3 minutes, by the default burst", `budget: {requestsPerMinute: 321}`, refused("spec.budget", windowLong)),
		Entry("100 in 5 seconds", `budget: {requestsPerMinute: 180, burst: 85}`, accepted),
		Entry("100.08 in 5 seconds", `budget: {requestsPerMinute: 181, burst: 85}`, refused("spec.budget", windowShort)),
		Entry("101 in 5 seconds, by the default rate", `budget: {burst: 86}`, refused("spec.budget", windowShort)),

		Entry("from Same", `allowedNamespaces: {from: Same}`, accepted),
		Entry("from All", `allowedNamespaces: {from: All}`, accepted),
		Entry("from Selector", `allowedNamespaces: {from: Selector, selector: {matchLabels: {team: pki}}}`, accepted),
		Entry("from anywhere else", `allowedNamespaces: {from: None}`, refused("spec.allowedNamespaces.from", `supported values: "Same", "All", "Selector"`)),
		Entry("from Selector without one", `allowedNamespaces: {from: Selector}`, refused("spec.allowedNamespaces", selectorFrom)),
		Entry("from Same with a selector", `allowedNamespaces: {from: Same, selector: {}}`, refused("spec.allowedNamespaces", selectorFrom)),
		Entry("from All with a selector", `allowedNamespaces: {from: All, selector: {}}`, refused("spec.allowedNamespaces", selectorFrom)),
		Entry("a selector alone", `allowedNamespaces: {selector: {matchLabels: {team: pki}}}`, refused("spec.allowedNamespaces", selectorFrom)),
		Entry("an empty selector, which matches all", selecting(``), accepted),
		Entry("In with values", selecting(`{key: team, operator: In, values: [pki]}`), accepted),
		Entry("NotIn with values", selecting(`{key: team, operator: NotIn, values: [pki]}`), accepted),
		Entry("Exists", selecting(`{key: team, operator: Exists}`), accepted),
		Entry("DoesNotExist with an empty list", selecting(`{key: team, operator: DoesNotExist, values: []}`), accepted),
		Entry("In without values", selecting(`{key: team, operator: In}`), refused("spec.allowedNamespaces.selector", operatorValue)),
		Entry("NotIn with an empty list", selecting(`{key: team, operator: NotIn, values: []}`), refused("spec.allowedNamespaces.selector", operatorValue)),
		Entry("Exists with values", selecting(`{key: team, operator: Exists, values: [pki]}`), refused("spec.allowedNamespaces.selector", operatorValue)),
		Entry("DoesNotExist with values", selecting(`{key: team, operator: DoesNotExist, values: [pki]}`),
			refused("spec.allowedNamespaces.selector", operatorValue)),
		Entry("one bad of two", selecting(`{key: team, operator: Exists}, {key: stage, operator: In}`),
			refused("spec.allowedNamespaces.selector", operatorValue)),
		Entry("an unknown operator", selecting(`{key: team, operator: Equals, values: [pki]}`), refused("spec.allowedNamespaces.selector", operators)),
		Entry("no operator", selecting(`{key: team}`), refused("spec.allowedNamespaces.selector.matchExpressions[0].operator", "Required value")),

		Entry("a CA bundle", `caBundle: `+encoded(certificate), accepted),
		Entry("a CA bundle with text around", `caBundle: `+encoded("our proxy\n"+certificate+certificate), accepted),
		Entry("an empty CA bundle", `caBundle: ""`, refused("spec.caBundle", "must be of type byte")),
		Entry("PEM that is not encoded", `caBundle: "-----BEGIN CERTIFICATE-----"`, refused("spec.caBundle", "must be of type byte")),
		Entry("base64 over several lines", `caBundle: "`+encoded(certificate)[:40]+`\n`+encoded(certificate)[40:]+`"`,
			refused("spec.caBundle", "must be of type byte")),
		Entry("base64 without its padding", `caBundle: `+strings.TrimRight(encoded("-----BEGIN CERTIFICATE-----\n"), "="), refused("spec.caBundle", "must be of type byte")),
		Entry("a private key alone", `caBundle: `+encoded("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"), refused("spec.caBundle", notPEM)),
		Entry("a certificate in binary form", `caBundle: `+encoded("\x30\x82\xff\xfe"), refused("spec.caBundle", notPEM)),
		Entry("a CA bundle of 262144 characters", `caBundle: `+encoded(certificate+strings.Repeat("\n", 196608-len(certificate))), accepted),
		Entry("a CA bundle of 262148 characters", `caBundle: `+encoded(certificate+strings.Repeat("\n", 196611-len(certificate))),
			refused("spec.caBundle", "may not be more than 262144")),
	)

	It("names a field that does not exist", func(ctx SpecContext) {
		Expect(api.Create(ctx, newAccount(ctx, `budget: {requestPerMinute: 1}`))).
			To(MatchError(ContainSubstring(`unknown field "spec.budget.requestPerMinute"`)))
	})

	It("is required", func(ctx SpecContext) {
		account := newAccount(ctx, ``)
		delete(account.Object, "spec")
		refused("spec", "Required value").expect(ctx, account, api.Create(ctx, account))
	})

	DescribeTable("is judged when it is changed", func(ctx SpecContext, before, patch string, want verdict) {
		account := newAccount(ctx, before)
		Expect(api.Create(ctx, account)).To(Succeed())
		want.expect(ctx, account, api.Patch(ctx, account, mergePatch(patch)))
	},
		Entry("all writing stopped", ``, `mode: Observe`, accepted),
		Entry("another account", `accountID: 123654`, `accountID: 123655`, accepted),
		Entry("another endpoint", ``, `endpoint: https://certcentral.digicert.eu/services/v2`, accepted),
		Entry("a larger burst, next to a high rate", `budget: {requestsPerMinute: 320}`, `budget: {burst: 41}`, refused("spec.budget", windowLong)),
		Entry("the selector less", `allowedNamespaces: {from: Selector, selector: {}}`, `allowedNamespaces: {selector: null}`,
			refused("spec.allowedNamespaces", selectorFrom)),
		Entry("open to all instead of selected", `allowedNamespaces: {from: Selector, selector: {}}`, `allowedNamespaces: {from: All, selector: null}`, accepted),
	)

	const defaults = `
		endpoint: https://www.digicert.com/services/v2
		apiKeySecretRef: {name: certcentral-api-key, key: api-key}
		mode: Enforce
		interval: 10m
		fullInterval: 6h
		budget: {requestsPerMinute: 180, burst: 40}
		allowedNamespaces: {from: Same}
		samlSSOOnlyWrites: WhenChanged`
	DescribeTable("gets the defaults for", func(ctx SpecContext, spec string) {
		account := newAccount(ctx, spec)
		Expect(api.Create(ctx, account)).To(Succeed())
		Expect(account.Object["spec"]).To(Equal(fields(defaults)))
	},
		Entry("what is left out", ``),
		Entry("what is left empty", `{budget: {}, allowedNamespaces: {}}`),
		Entry("what has no value", `{endpoint: , mode: , interval: , fullInterval: , budget: , allowedNamespaces: , accountID: , caBundle: }`),
		Entry("what is left out one level deeper", `{budget: {burst: 40}, allowedNamespaces: {from: }}`),
		Entry("the other half of a budget", `budget: {requestsPerMinute: 180}`),
	)

	It("gets the defaults from a Go client too", func(ctx SpecContext) {
		account := &v1alpha1.CertCentralAccount{Spec: v1alpha1.CertCentralAccountSpec{
			APIKeySecretRef: v1alpha1.SecretKeyRef{Name: "certcentral-api-key"},
		}}
		account.Namespace, account.Name = newNamespace(ctx), "digicert"
		Expect(api.Create(ctx, account)).To(Succeed())
		Expect(account.Spec.Interval.Duration).To(Equal(10 * time.Minute))
		Expect(account.Spec.Budget).To(Equal(v1alpha1.Budget{RequestsPerMinute: 180, Burst: 40}))
		Expect(account.Spec.AllowedNamespaces.From).To(Equal(v1alpha1.NamespacesFromSame))
		Expect(account.Status.ObservedGeneration).To(Equal(int64(-1)))
	})

	It("says the same to Go as in YAML", func(ctx SpecContext) {
		account := newAccount(ctx, `{interval: 1h30m, caBundle: `+encoded(certificate)+`}`)
		Expect(api.Create(ctx, account)).To(Succeed())
		Expect(expectDecodes(ctx, account)).To(HaveField("Spec", And(
			HaveField("Interval.Duration", 90*time.Minute),
			HaveField("CABundle", BeEquivalentTo(certificate)),
		)))
	})
})

const certificate = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func selecting(expressions string) string {
	return fmt.Sprintf(`allowedNamespaces: {from: Selector, selector: {matchExpressions: [%s]}}`, expressions)
}
