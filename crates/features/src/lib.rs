//! Featurisers and normalisers of published performance predictors
