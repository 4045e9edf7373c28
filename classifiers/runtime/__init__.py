"""Runs a trained classifier: loads the artefact, refuses a wrong one, scores. Needs onnxruntime, no scikit-learn."""
