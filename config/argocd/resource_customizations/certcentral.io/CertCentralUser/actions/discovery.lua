local suspended = obj.spec.suspend == true
local mode = obj.spec.mode or "Enforce"

local actions = {}
actions["reconcile"] = {
  displayName = "Reconcile now",
  iconClass = "fa fa-fw fa-sync-alt",
  disabled = suspended, -- nobody looks
}
actions["suspend"] = {
  displayName = "Suspend",
  iconClass = "fa fa-fw fa-pause",
  disabled = suspended,
}
actions["resume"] = {
  displayName = "Resume",
  iconClass = "fa fa-fw fa-play",
  disabled = not suspended,
}
actions["observe"] = {
  displayName = "Observe: write nothing",
  iconClass = "fa fa-fw fa-eye",
  disabled = mode == "Observe",
}
actions["enforce"] = {
  displayName = "Enforce: apply, and set back what others change",
  iconClass = "fa fa-fw fa-gavel",
  disabled = mode == "Enforce",
}
return actions
