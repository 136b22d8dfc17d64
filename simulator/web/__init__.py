"""The shop and its visitors: site, clients, requests, and the CloudFront logs that come of them. No attack is described here."""
