package controller

import "k8s.io/apimachinery/pkg/types"

// swept records a page of the account's list of users, which is a look at them too.
func (m *Metrics) swept(account types.NamespacedName, rows int) {
	m.looked(account)
}
