"""stepd: an optimizer that any program can call.

The core works without a server; importing this package loads NumPy and nothing of the service.

>>> import numpy as np
>>> from stepd import Adadelta
>>> Adadelta().update(np.array([1.0, 2.0]), np.array([0.5, -0.5]))
array([0.99552804, 2.00447196])
"""

from stepd.optimizers.textbook import SGD, Adadelta, Adagrad, RMSprop, adadelta_update

__version__ = "0.1.0"
__all__ = ["SGD", "Adadelta", "Adagrad", "RMSprop", "__version__", "adadelta_update"]
