-- The verdict is that of kstatus, which the conditions are made for, with Suspended told from the rest.
local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local ready = conditions.Ready

local function health(state)
  if ready == nil or ready.observedGeneration ~= obj.metadata.generation then
    return {status = state, message = "Waits for the operator to look at generation " .. tostring(obj.metadata.generation) .. "."}
  end
  return {status = state, message = ready.reason .. ": " .. ready.message}
end

-- A generation counts as observed once there is a verdict on it; while a retry is under way there may be none.
if ready == nil or status.observedGeneration ~= obj.metadata.generation or conditions.Reconciling ~= nil then
  return health("Progressing")
end
if ready.reason == "Suspended" then
  return {status = "Suspended", message = ready.message}
end
if conditions.Stalled ~= nil then
  return health("Degraded")
end
if ready.status == "True" then
  return health("Healthy")
end
return health("Progressing") -- it waits for another object, which says itself what is wrong with it
