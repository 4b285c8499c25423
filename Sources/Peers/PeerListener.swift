package import Cryptography
internal import Dispatch
internal import Synchronization

/// Waits for the other processes of the installation, and talks to those that know its key.
package final class PeerListener: Sendable {
    /// Connections at once, those included that have yet to show that they know the key.
    private static let linksMax = 64

    private struct State {
        var isStopped = false
        var links: [ObjectIdentifier: PeerLink] = [:]
        var sockets = 0
    }

    private let socket: PeerSocket
    private let key: SealingKey
    private let receive: PeerLink.Receive
    private let state = Mutex(State())
    /// What to tell the others: the port is the one that was found free.
    package let address: PeerAddress

    /// - Parameter receive: is given each message on its link's own thread.
    package static func start(
        at address: PeerAddress, key: SealingKey, receive: @escaping PeerLink.Receive
    ) throws -> PeerListener {
        let listener = PeerListener(
            try PeerSocket.listening(at: address), address, key, receive)
        DispatchQueue(label: "florin.peers").async { listener.accept() }
        return listener
    }

    private init(
        _ socket: PeerSocket, _ address: PeerAddress, _ key: SealingKey,
        _ receive: @escaping PeerLink.Receive
    ) {
        self.socket = socket
        self.address = PeerAddress(host: address.host, port: socket.port)
        self.key = key
        self.receive = receive
    }

    /// Ends every link and waits for no more.
    package func stop() {
        let links = state.withLock { state in
            state.isStopped = true
            return state.links.values.map(\.self)
        }
        socket.shutDown()
        for link in links { link.close() }
    }

    private func accept() {
        while let socket = socket.accept() {
            let isAdmitted = state.withLock { state in
                guard !state.isStopped, state.sockets < Self.linksMax else { return false }
                state.sockets += 1
                return true
            }
            guard isAdmitted else { continue }
            DispatchQueue(label: "florin.peer").async { self.serve(socket) }
        }
    }

    private func serve(_ socket: PeerSocket) {
        defer { state.withLock { $0.sockets -= 1 } }
        guard let link = PeerLink.accept(socket, key: key) else { return }
        let isStopped = state.withLock { state in
            state.links[ObjectIdentifier(link)] = link
            return state.isStopped
        }
        if isStopped { link.close() }
        link.run(receive) { link in
            state.withLock { _ = $0.links.removeValue(forKey: ObjectIdentifier(link)) }
        }
    }
}
