"""The routes, one file per kind of resource; `all_routes` is what the table of routes is made of."""

from stepd.api.routes.checkpoints import checkpoint_routes
from stepd.api.routes.history import history_routes
from stepd.api.routes.operations import operations_routes
from stepd.api.routes.params import params_routes
from stepd.api.routes.sessions import sessions_routes
from stepd.api.routes.steps import steps_routes
from stepd.api.routing import DirectRoute
from stepd.api.service import Service


def all_routes(service: Service) -> list[DirectRoute]:
    """Every documented route."""
    return [
        *steps_routes(service),
        *params_routes(service),
        *checkpoint_routes(service),
        *history_routes(service),
        *sessions_routes(service),
        *operations_routes(service),
    ]
