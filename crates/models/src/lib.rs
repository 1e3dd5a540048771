//! Published performance predictors on tachograph-gnn
