"""Why the models said so: one module a way of finding out."""
