internal import HTTP
internal import Values

extension Identity {
    /// Whether whoever holds the session may come now and from there.
    func admit(_ session: Session, with request: Request) throws {
        try request.admit(.account(session.user))
        guard mayWork(session.role, from: request.address) else {
            throw IdentityRejection.staffAddressNotAllowed
        }
    }

    private func mayWork(_ role: Role, from address: NetworkAddress) -> Bool {
        !role.isStaff || staffAddresses.isEmpty || staffAddresses.contains(address)
    }
}
