package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// told runs the manager with flags that it ends after, and returns what it prints and its exit code.
func told(ctx SpecContext, args ...string) (output string, exitCode int) {
	GinkgoHelper()
	printed, err := exec.CommandContext(ctx, setting("MANAGER", "the operator's binary"), args...).CombinedOutput()
	exited, failed := errors.AsType[*exec.ExitError](err)
	if failed {
		return string(printed), exited.ExitCode()
	}
	Expect(err).NotTo(HaveOccurred())
	return string(printed), 0
}

var _ = Describe("The command line", func() {
	DescribeTable("is refused where nobody can mean it", func(ctx SpecContext, argument, message string) {
		output, exitCode := told(ctx, argument)
		Expect(exitCode).To(Equal(2))
		Expect(output).To(ContainSubstring(message))
	},
		Entry(nil, "start", `unexpected argument "start": every setting is a flag`),
		Entry(nil, "--concurrency=0", "--concurrency is 0: it must be from 1 to 1024"),
		Entry(nil, "--concurrency=1025", "--concurrency is 1025: it must be from 1 to 1024"),
		Entry(nil, "--log-level=loud", `--log-level is "loud": it must be debug, info or error`),
		Entry(nil, "--log-format=xml", `--log-format is "xml": it must be auto, json or console`),
		Entry(nil, "--allowed-endpoints=http://www.digicert.com/services/v2", `for flag -allowed-endpoints: `),
		Entry(nil, "--watch-label-selector=shard=(a)", `for flag -watch-label-selector: `),
		Entry(nil, "--look-twice", "flag provided but not defined: -look-twice"),
	)

	It("does not let a proxy that can't be understood pass for none", func(ctx SpecContext) {
		GinkgoT().Setenv("HTTPS_PROXY", "http://user:canary%ss@proxy.example.com:3128")
		output, exitCode := told(ctx)
		Expect(exitCode).To(Equal(2))
		Expect(output).To(And(ContainSubstring("HTTPS_PROXY can't be used: "), ContainSubstring("percent-encoded"), Not(ContainSubstring("canary"))))
	})

	It("is documented, flag by flag", func(ctx SpecContext) {
		help, exitCode := told(ctx, "--help")
		Expect(exitCode).To(BeZero())
		docs, err := os.ReadFile(filepath.Join("..", "..", "docs", "install.md"))
		Expect(err).NotTo(HaveOccurred())
		flags := regexp.MustCompile(`(?m)^  -(\S+).*\n    \t(.+?)(?: \(default (.+)\))?$`).FindAllStringSubmatch(help, -1)
		Expect(flags).To(HaveLen(strings.Count(help, "\n  -")))
		for _, flag := range flags {
			preset := "–"
			if flag[3] != "" {
				preset = "`" + strings.Trim(flag[3], `"`) + "`"
			}
			Expect(string(docs)).To(ContainSubstring("\n| `--" + flag[1] + "` | " + flag[2] + " | " + preset + " |\n"))
		}
	})
})
