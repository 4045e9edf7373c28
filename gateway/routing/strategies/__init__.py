"""How the models of a route are ranked by the classifier's scores: one file per strategy, found by scanning."""
