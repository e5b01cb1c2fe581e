"""Classification of many photos: from this machine, or by Step Functions in AWS."""
