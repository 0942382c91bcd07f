"""HTTP: routes, statuses, headers, limits of requests. What a session is and does is decided below."""
