-- The verdict is that of kstatus, which the conditions are made for.
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

if ready == nil or status.observedGeneration ~= obj.metadata.generation or conditions.Reconciling ~= nil then
  return health("Progressing")
end
if conditions.Stalled ~= nil then
  return health("Degraded")
end
if ready.status == "True" then
  return health("Healthy")
end
return health("Progressing") -- it waits for its Secret
