"""What /openapi.json says: schemas, parameters, answers, examples, links, made from the code that does the judging."""
