// Starts Swagger UI on /docs. Nothing is loaded from, or sent to, another host: the validator badge is off.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#operations",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
