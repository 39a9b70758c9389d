"""One file an operation: its forward pass, its adjoint, and the reference that `celu check` holds against both."""
