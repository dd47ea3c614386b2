"""Optional, faster engines for the models.

Text generation gives the same tokens; the ONNX engine computes in int8 and gives nearly the same
logits. A predictor chooses its engine when it is created. The tests compare engines with the
plain code.
"""
