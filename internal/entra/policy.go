package entra

import "time"

// CertificatePolicy is what a tenant's default app management policy says about the validity of certificates on its
// applications (Microsoft Graph: tenantAppManagementPolicy, asymmetricKeyLifetime). An application can have a policy of
// its own, which then applies instead.
type CertificatePolicy struct {
	ID           string        // GUID, which Graph's refusals name
	Longest      time.Duration // from a certificate's beginning to its end; Edm.Duration knows nothing longer than days
	CreatedAfter time.Time     // applications made before it are free of the policy; zero: none is
}

// Forbids reports whether the policy refuses a certificate with that validity on an application created at that time. A
// nil policy forbids nothing.
func (p *CertificatePolicy) Forbids(notBefore, notAfter, madeAt time.Time) bool {
	return p != nil && notAfter.Sub(notBefore) > p.Longest && madeAt.After(p.CreatedAfter)
}

// Days returns the longest validity in whole days.
func (p *CertificatePolicy) Days() int { return int(p.Longest / (24 * time.Hour)) }
