local mode = obj.spec.mode or "Enforce"

local actions = {}
actions["reconcile"] = {
  displayName = "Reconcile now",
  iconClass = "fa fa-fw fa-sync-alt",
}
actions["observe"] = {
  displayName = "Observe: stop all writing in this account",
  iconClass = "fa fa-fw fa-eye",
  disabled = mode == "Observe",
}
actions["enforce"] = {
  displayName = "Enforce: each user's own mode counts",
  iconClass = "fa fa-fw fa-gavel",
  disabled = mode == "Enforce",
}
return actions
