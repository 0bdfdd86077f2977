obj.spec.mode = "Enforce"
return obj
