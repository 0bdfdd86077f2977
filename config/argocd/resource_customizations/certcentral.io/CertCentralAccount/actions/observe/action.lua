obj.spec.mode = "Observe"
return obj
