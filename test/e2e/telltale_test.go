package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

// Every API key and every personal value of a spec is random, so that it can be searched for.
var secrets, personal []string

// value returns a personal value, which is told in specs and statuses only.
func value(what string) string {
	v := rand.Text()[:12]
	personal = append(personal, v)
	return what + "-" + v
}

// expectNothingTold searches whatever the operator and the simulator say.
func expectNothingTold(ctx context.Context) {
	GinkgoHelper()
	expectNothingIn("the operator's log", operatorLog.Contents(), secrets, personal)
	expectNothingIn("the simulator's output", simulatorLog.Contents(), secrets, personal)
	expectNothingIn("the metrics", scrape(ctx), secrets, personal)
	expectNothingIn("the events", encode(events(ctx, "")), secrets, personal)

	accounts, users := &v1alpha1.CertCentralAccountList{}, &v1alpha1.CertCentralUserList{}
	Expect(kubernetes.List(ctx, accounts)).To(Succeed())
	Expect(kubernetes.List(ctx, users)).To(Succeed())
	expectNothingIn("the accounts", encode(accounts), secrets)
	expectNothingIn("the users", encode(users), secrets)
}

// expectNothingIn fails for each text that is found.
func expectNothingIn(where string, content []byte, texts ...[]string) {
	GinkgoHelper()
	for _, list := range texts {
		for _, text := range list {
			if i := bytes.Index(content, []byte(text)); i >= 0 {
				Fail("in " + where + ": ..." + string(content[max(0, i-200):min(len(content), i+100)]) + "...")
			}
		}
	}
}

// events returns the events of a namespace, of all for "".
func events(ctx context.Context, namespace string) []eventsv1.Event {
	GinkgoHelper()
	list := &eventsv1.EventList{}
	Expect(kubernetes.List(ctx, list, client.InNamespace(namespace))).To(Succeed())
	return list.Items
}

func encode(object any) []byte {
	GinkgoHelper()
	content, err := json.Marshal(object)
	Expect(err).NotTo(HaveOccurred())
	return content
}
