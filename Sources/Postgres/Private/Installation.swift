#if canImport(Glibc)
    import Glibc
#endif

/// Where PostgreSQL's programs are on this machine.
struct Installation {
    let folder: String

    /// Where Debian's packages put each major version.
    private static let debianFolder = "/usr/lib/postgresql"
    private static var versionMin: Int { Int(ConnectionSettings.serverVersionMin / 10_000) }

    func program(_ name: String) -> String { folder + "/" + name }

    /// The newest installation, for a new cluster.
    static func newest() throws(DatabaseError) -> Installation {
        let newest = debianVersions.max().map(debian) ?? inPath
        guard let newest else {
            throw .configuration(
                "Florin needs PostgreSQL \(versionMin) or newer: install it with "
                    + "`apt-get install postgresql`, or set DATABASE_URL to a server elsewhere.")
        }
        return newest
    }

    /// The installation that can open a cluster of this major version; no other can.
    static func forCluster(version: String) throws(DatabaseError) -> Installation {
        if let number = Int(version), debianVersions.contains(number) { return debian(number) }
        if debianVersions.isEmpty, let inPath { return inPath }
        throw .configuration(
            "The data was written by PostgreSQL \(version), which is not installed: "
                + "`apt-get install postgresql-\(version)`, or move the data with pg_upgrade.")
    }

    private static var debianVersions: [Int] {
        Files.names(in: debianFolder).compactMap(Int.init)
            .filter { $0 >= versionMin && debian($0).isComplete }
    }

    private static func debian(_ version: Int) -> Installation {
        Installation(folder: "\(debianFolder)/\(version)/bin")
    }

    private static var inPath: Installation? {
        let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? ""
        return path.split(separator: ":").map { Installation(folder: String($0)) }
            .first { $0.isComplete }
    }

    private var isComplete: Bool {
        ["postgres", "initdb"].allSatisfy { unsafe access(program($0), X_OK) == 0 }
    }
}
