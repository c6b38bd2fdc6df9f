// Generated from fbpd.yaml by openapi-typescript. Change that, then: npm run generate

export interface paths {
    "/admin/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the daemon is */
        get: operations["getStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/accounts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All accounts, by name */
        get: operations["listAccounts"];
        put?: never;
        /** Add an account */
        post: operations["addAccount"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/accounts/{account}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        /** One account and what it holds */
        get: operations["getAccount"];
        put?: never;
        post?: never;
        /**
         * End an account with its pins and tokens
         * @description From the first moment it refuses everything. The reply comes when all of it is gone, which takes a while for many pins; should the daemon end before that, it goes on when it is started again.
         */
        delete: operations["deleteAccount"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/accounts/{account}/suspend": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Refuse everything an account asks
         * @description Its pins stay as they are, and its tokens work again when it is no longer suspended.
         */
        post: operations["suspendAccount"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/accounts/{account}/unsuspend": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let an account ask again */
        post: operations["unsuspendAccount"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tokens, oldest first */
        get: operations["listTokens"];
        put?: never;
        /** Make a token */
        post: operations["createToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/tokens/{token}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id */
                token: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Take a token back, at once */
        delete: operations["revokeToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/pins": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Pins, newest first
         * @description Of one account, or of all. Filters combine with AND; without a status, all statuses are listed.
         */
        get: operations["listPins"];
        put?: never;
        /** Pin for an account */
        post: operations["addPin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/pins/{requestId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        /** One pin, and what is known of its content */
        get: operations["getPin"];
        put?: never;
        post?: never;
        /** Remove a pin */
        delete: operations["removePin"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/pins/{requestId}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Fetch the content of a failed or waiting pin anew */
        post: operations["retryPin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/pins/{requestId}/log": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        /** What happened to a pin's content, oldest first */
        get: operations["getPinLog"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/blocks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Blocked contents */
        get: operations["listBlocks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/blocks/{cid}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description In any version and multibase */
                cid: string;
            };
            cookie?: never;
        };
        get?: never;
        /**
         * Take a content down
         * @description Pins of it fail, its hot copy goes, and new pins of it are refused.
         */
        put: operations["blockContent"];
        post?: never;
        /**
         * Allow pins of a content again
         * @description Pins that failed stay failed until they are retried.
         */
        delete: operations["unblockContent"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Read and verify every record of the store
         * @description While the daemon goes on working. Progress comes as it is made, one JSON object a line; the last one says `done`.
         */
        post: operations["checkStore"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/reconcile/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which; an unknown name is answered with all there are */
                name: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Run one of the daemon's loops now */
        post: operations["reconcile"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Failure: {
            error: {
                /** @description UPPER_SNAKE, stable */
                reason: string;
                details?: string;
            };
        };
        /** @enum {string} */
        PinStatus: "queued" | "pinning" | "pinned" | "failed";
        PinCounts: {
            queued: number;
            pinning: number;
            pinned: number;
            failed: number;
        };
        NewAccount: {
            name: string;
        };
        Account: {
            id: string;
            name: string;
            /** @enum {string} */
            state: "active" | "suspended" | "deleting";
            /** Format: date-time */
            created: string;
            pins: components["schemas"]["PinCounts"];
            /** @description How many it has, expired ones too */
            tokens: number;
        };
        Deletion: {
            id: string;
            name: string;
            /** @description How many were removed */
            pins: number;
            /** @description How many were removed */
            tokens: number;
        };
        /** @enum {string} */
        Scope: "pins:read" | "pins:write" | "metrics:read";
        NewToken: {
            /** @description Id or name */
            account: string;
            /**
             * @description What it is for
             * @default default
             */
            name: string;
            /**
             * @default [
             *       "pins:read",
             *       "pins:write"
             *     ]
             */
            scopes: components["schemas"]["Scope"][];
            expiresInSeconds?: number;
        };
        Token: {
            id: string;
            /** @description The account's name */
            account: string;
            accountId: string;
            name: string;
            scopes: components["schemas"]["Scope"][];
            /** Format: date-time */
            created: string;
            /** Format: date-time */
            expires?: string;
            expired: boolean;
        };
        NewPin: {
            /** @description Id or name */
            account: string;
            cid: string;
            name?: string;
            origins?: string[];
            meta?: {
                [key: string]: string;
            };
        };
        Reason: {
            code: string;
            text: string;
        };
        Pin: {
            requestId: string;
            /** @description The account's name */
            account: string;
            accountId: string;
            /** @description As it was submitted */
            cid: string;
            name?: string;
            meta?: {
                [key: string]: string;
            };
            status: components["schemas"]["PinStatus"];
            /** Format: date-time */
            created: string;
            reason?: components["schemas"]["Reason"];
            content?: components["schemas"]["Content"];
        };
        /** @description What is known of a CID on this machine, whoever pins it */
        Content: {
            /** @description CIDv1 in base32 */
            cid: string;
            /** @description How many name it */
            pins: number;
            /** @enum {string} */
            hot: "wanted" | "pinned" | "failed" | "releasing";
            /** @enum {string} */
            owner?: "none" | "ours" | "foreign";
            sizeBytes?: number;
            blocks?: number;
            /** @description Fetches that ended without success */
            attempts: number;
            /**
             * Format: date-time
             * @description Not fetched before
             */
            nextAttempt?: string;
            /** @description Of the fetch under way */
            progress?: {
                blocks: number;
                bytes: number;
            };
        };
        PinEvent: {
            /** Format: date-time */
            at: string;
            /** @enum {string} */
            event: "accepted" | "fetching" | "waiting" | "pinned" | "failed" | "retried" | "vanished" | "blocked";
            text: string;
        };
        NewBlock: {
            /**
             * @description Why, for whoever asks later
             * @default
             */
            note: string;
        };
        Block: {
            /** @description CIDv1 in base32 */
            cid: string;
            note: string;
            /** Format: date-time */
            at: string;
        };
        CheckLine: {
            /** @description Read so far */
            records: number;
            done: boolean;
            /** @description On the last line, a sentence for each thing that is wrong */
            problems?: string[];
        };
        Pass: {
            due: number;
            done: number;
            failed: number;
            /** @description How many were left alone, by reason */
            skipped: {
                [key: string]: number;
            };
        };
        Status: {
            version: string;
            /** @description Version of Node */
            node: string;
            pid: number;
            /** Format: date-time */
            started: string;
            /** @description Where the pinning API listens */
            endpoint: string;
            /** @description The config file */
            config: string;
            stateDir: string;
            cacheDir: string;
            accounts: number;
            pins: components["schemas"]["PinCounts"];
            /** @description Fetches under way */
            fetching: number;
            held?: components["schemas"]["Reason"];
            hot: {
                up: boolean;
                /** @description What is wrong, or the version that runs */
                detail: string;
                peerId?: string;
                addresses: string[];
                repoBytes?: number;
                capacityBytes?: number;
            };
            /** @description Records by type */
            store: {
                [key: string]: number;
            };
            disk: {
                freeBytes: number;
                minFreeBytes: number;
            };
            reconcilers: string[];
        };
    };
    responses: {
        /** @description Why not */
        Failure: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"];
            };
        };
    };
    parameters: {
        /** @description Its id or its name */
        accountInPath: string;
        /** @description Id or name of an account; without it, all */
        account: string;
        requestId: string;
    };
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Its version, addresses, pins, hot tier, store and disk */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Status"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    listAccounts: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Each with what it holds */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        accounts: components["schemas"]["Account"][];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    addAccount: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewAccount"];
            };
        };
        responses: {
            /** @description The account */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    deleteAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What went */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Deletion"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    suspendAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    unsuspendAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    listTokens: {
        parameters: {
            query?: {
                /** @description Id or name of an account; without it, all */
                account?: components["parameters"]["account"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Never their secrets, which nobody has but who was given them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        tokens: components["schemas"]["Token"][];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    createToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewToken"];
            };
        };
        responses: {
            /** @description The token with its secret, which is shown this once */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        token: components["schemas"]["Token"];
                        secret: string;
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    revokeToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id */
                token: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The token that was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Token"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    listPins: {
        parameters: {
            query?: {
                /** @description Id or name of an account; without it, all */
                account?: components["parameters"]["account"];
                /** @description In any version and multibase */
                cid?: string;
                status?: components["schemas"]["PinStatus"][];
                name?: string;
                /** @description How `name` is compared */
                match?: "exact" | "iexact" | "partial" | "ipartial";
                /** @description Strictly before */
                before?: string;
                /** @description Strictly after */
                after?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page, and how many match in all */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        count: number;
                        pins: components["schemas"]["Pin"][];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    addPin: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewPin"];
            };
        };
        responses: {
            /** @description The pin; it is on disk */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pin"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getPin: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The pin */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pin"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    removePin: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The pin that was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pin"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    retryPin: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The pin */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pin"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getPinLog: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The events */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        events: components["schemas"]["PinEvent"][];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    listBlocks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Each with its note */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        blocks: components["schemas"]["Block"][];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    blockContent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description In any version and multibase */
                cid: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewBlock"];
            };
        };
        responses: {
            /** @description How many pins failed by it */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description CIDv1 in base32 */
                        cid: string;
                        pins: number;
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    unblockContent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description In any version and multibase */
                cid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The content */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description CIDv1 in base32 */
                        cid: string;
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    checkStore: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Lines of JSON */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": components["schemas"]["CheckLine"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    reconcile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which; an unknown name is answered with all there are */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What the pass did */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pass"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
}
