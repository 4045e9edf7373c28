"""Runs a trained classifier: loads the artefact, refuses a wrong one, computes scores. Needs onnxruntime, no scikit-learn."""
