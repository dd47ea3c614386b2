"""Optional faster engines for the models; a predictor chooses one when it is made."""
