"""The engine as a service for many pages and programs: HTTP in front of models, on Ray Serve."""

from imgcap.serve.service import Service, ServiceStartError

__all__ = ["Service", "ServiceStartError"]
