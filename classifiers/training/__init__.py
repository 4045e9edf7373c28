"""Training of the classifier: data, models, export, evaluation. Needs the extra `train`; never imported when
serving."""
