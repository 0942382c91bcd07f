"""`stepd demo`: a real model trained on real images through the service, as any program would do it, over HTTP."""
