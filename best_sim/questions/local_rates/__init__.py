"""An authority's own placement parameters, estimated from its returns, and how well they forecast."""
