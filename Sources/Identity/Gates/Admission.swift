internal import HTTP
internal import Values

extension Identity {
    /// Whether the caller may come from there, and now. Where from is asked first, so that whoever
    /// holds a stolen token elsewhere uses up nothing of its owner's.
    func admit(_ caller: Caller, with request: Request) throws {
        switch caller {
        case .person(let session):
            guard mayWork(session.role, from: request.address) else {
                throw IdentityRejection.staffAddressNotAllowed
            }
            try request.admit(.account(session.user))
        case .program(let grant):
            guard grant.allows(request.address) else {
                throw IdentityRejection.keyAddressNotAllowed
            }
            try request.admit(.key(grant.key))
        }
    }

    private func mayWork(_ role: Role, from address: NetworkAddress) -> Bool {
        !role.isStaff || staffAddresses.isEmpty || staffAddresses.contains(address)
    }
}
