package e2e

import (
	"os"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
)

var _ = Describe("The metrics of the libraries", func() {
	It("are there as the documentation, the alerts and the dashboard have them", func(ctx SpecContext) {
		text, err := os.ReadFile("../../docs/metrics.md")
		Expect(err).NotTo(HaveOccurred())
		_, paragraph, found := strings.Cut(string(text), "\nMetrics of controller-runtime and Go come along.")
		Expect(found).To(BeTrue())
		paragraph, _, _ = strings.Cut(paragraph, "\n\n")
		names := regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(paragraph, -1)
		Expect(len(names)).To(BeNumerically(">", 3))
		newStory(ctx).declare(ctx, newPerson(ctx, nil), v1alpha1.Profile{}, "True InSync") // a queue that had nothing has no depth
		for _, name := range names {
			Eventually(ctx, scrape).Should(MatchRegexp(`(?m)^` + name[1] + `[_{ ]`))
		}
		Expect(scrape(ctx)).To(MatchRegexp(`(?m)^workqueue_depth\{controller="certcentraluser",`), "the dashboard asks for it")
	})
})
