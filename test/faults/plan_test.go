// Package faults has the operator live through what goes wrong around it, as real processes: each plan is a workload with a fault
// at a place, and one oracle judges them all by the promises of the operator.
package faults

import (
	"context"
	"time"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/simulator"
)

// plan is a workload, with a fault at a place. It is data: what it does follows from it and from the seed of the run.
type plan struct {
	group, name string
	workload    workload
	fault       fault
	// sample plans run in make test too; once plans with the first seed only.
	sample, once bool
}

// fault is what goes wrong, while the workload goes on. All of it ends with the healing.
type fault struct {
	// certcentral are faults of the simulator; a User of -1 stands for the first person.
	certcentral []simulator.Fault
	// rules replace those of the simulator.
	rules simulator.Rules
	// kubernetes are faults of the way to the API server.
	kubernetes []kubeFault
	// wire is a fault of the connections to CertCentral; flaw and maxTLS are what is wrong with the server's TLS.
	wire   simulator.WireFault
	flaw   simulator.Flaw
	maxTLS uint16
	// args are more flags of the manager.
	args []string
	// failpoint has the manager fail between two steps, as in confirmed:kill:1.
	failpoint string
	// budget is the account's, where it is not the usual one, and interval its interval.
	budget   v1alpha1.Budget
	interval time.Duration
	// clock is how far the clock of the first manager is ahead.
	clock time.Duration
	// early is done before the workload begins.
	early func(ctx context.Context, r *run)
	// strike does whatever else goes wrong, before the workload acts.
	strike func(ctx context.Context, r *run)
	// meanwhile goes on beside the workload, and ends by itself.
	meanwhile func(ctx context.Context, r *run)
	// says is what the first resource must come to say before the fault is healed, as in "Throttled: Ready=Unknown"; "" waits
	// until the fault has struck.
	says string
	// accountSays is the same of the account.
	accountSays string
	// lasts is how long the fault goes on at least.
	lasts time.Duration
	// heal ends what strike began.
	heal func(ctx context.Context, r *run)
	// asked tells that a person has to ask for a look after the fault, because the operator looks again only in an hour.
	asked bool
	// ends is what the first resource says in the end, where it is not in sync: "" is in sync. With others, all do.
	ends   string
	others bool

	// keepRules has the rules outlast the fault; patient has the operator wait longer than a run lasts.
	keepRules, patient bool
	// asFast expects the healthy to take less than twice as long as in quiet.
	asFast bool
	// limit is how long the run may take; 0 is runLimit.
	limit time.Duration
	// within is how long the recovery may take; 0 is recoverWithin.
	within time.Duration

	// keeps expects that the resource of a person owns them all the time.
	keeps bool
	// curve expects that calls for a user who fails come ever more slowly.
	curve bool
	// prompt expects that each PUT follows its look at once.
	prompt bool
	// What a fault excuses.
	more     int  // so many PUTs more may change a person: the fault declares something itself
	fights   bool // another writer undoes what is written: it comes as often as the brake allows
	noWrites bool // not one PUT may be made
	twice    bool // two managers at once may each write
	differs  bool // the end is not that of a quiet run
	loses    bool // the control plane is not what it was, either
}

func (p plan) String() string { return p.group + "/" + p.workload.name + "/" + p.name }
