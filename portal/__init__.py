"""The Co-Administrators' pages: a Flask blueprint over the same use cases and permits as SCIM."""
