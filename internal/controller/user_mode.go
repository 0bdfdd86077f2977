package controller

import (
	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/profile"
)

// modeOf returns the stricter one of user and account.
func modeOf(user *v1alpha1.CertCentralUser, account *v1alpha1.CertCentralAccount) profile.Mode {
	return profile.Stricter(profile.Mode(user.Spec.Mode), profile.Mode(account.Spec.Mode))
}

// showMode writes the mode that counts into a status. One that was shown before is kept true also when nothing else is known;
// before that, it is no news of its own.
func showMode(user *v1alpha1.CertCentralUser, mode profile.Mode, v *verdict) {
	shown := v1alpha1.EffectiveMode(mode)
	if user.Spec.Suspend {
		shown = v1alpha1.EffectiveModeSuspended
	}
	if !v.silent || shown != "" && user.Status.Mode != "" {
		user.Status.Mode = shown
	}
}
